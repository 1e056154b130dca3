"""A folder dropped into the page, or chosen there: its files go the way of all uploads.

Gradio's box takes files and no folders, and forgets in which folder a file lay. So the page opens
the folder and hands the box what an import reads; here the files lie together again, so that what
is written beside a recording (Saraga's annotations) is found beside it.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

NOTES = (".json", ".txt")  # written beside a recording

_CHOOSE = """
<label class="choose-folder"><input type="file" webkitdirectory multiple>
<span>or choose a folder</span></label>
"""
# Feeds the box of files: its own input uploads, shows progress and keeps to its types.
_FEEDS = """
const box = () => document.getElementById('import-files');
const types = %s;
const feed = (files) => {
  const input = box()?.querySelector('input[type=file]');
  const read = files.filter((file) => file.type.startsWith('audio/') ||
    types.some((end) => file.name.toLowerCase().endsWith(end)));
  if (!input || !read.length) return;
  const carried = new DataTransfer();
  read.forEach((file) => carried.items.add(file));
  input.files = carried.files;
  input.dispatchEvent(new Event('change', {bubbles: true}));
};
const entriesOf = async (reader) => {  // a reader gives a hundred at a time
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return found;
    found.push(...some);
  }
};
const filesOf = async (entry) => {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const inside = await entriesOf(entry.createReader());
  inside.sort((a, b) => a.name < b.name ? -1 : 1);
  return (await Promise.all(inside.map(filesOf))).flat();
};
document.addEventListener('drop', async (event) => {
  if (!box()?.contains(event.target)) return;
  const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return;
  event.preventDefault();
  event.stopPropagation();
  feed((await Promise.all(entries.filter(Boolean).map(filesOf))).flat());
}, true);
element.querySelector('input').addEventListener('change', (event) => {
  feed([...event.target.files]);
  event.target.value = '';
});
"""


def folder_chooser(types: Sequence[str]) -> gr.HTML:
    """What lets the box of files (#import-files) take folders; `types` are the endings it takes."""
    endings = [each for each in types if each.startswith(".")]
    return gr.HTML(
        _CHOOSE,
        js_on_load=_FEEDS % json.dumps(endings),
        apply_default_css=False,
        elem_id="import-directory",
    )


def gathered(files: Sequence[Path], folder: Path) -> list[Path]:
    """The files to import: in `folder`, beside what is written of them, if anything is.

    Uploads lie each in a folder of its own. The second file of a name goes into a second folder,
    and so does what is written of it: both come in the order of the folders they lay in.
    """
    if not any(each.suffix.lower() in NOTES for each in files):
        return list(files)
    seen: Counter[str] = Counter()
    for path in files:
        if path.is_dir():
            continue
        seen[path.name] += 1
        target = folder / str(seen[path.name]) / path.name
        target.parent.mkdir(exist_ok=True)
        try:
            os.link(path, target)
        except OSError:  # another disk
            shutil.copyfile(path, target)
    return [folder, *(path for path in files if path.is_dir())]
