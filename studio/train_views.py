"""Stage 6 as the page shows it: reports, where a run stands, losses, samples, comparisons."""

import shlex
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from core.workspace import Workspace
from training import jobs
from training.config import FinetuneConfig
from training.preflight import Preflight
from training.probe import duration
from training.run_folder import Sample, Status

if TYPE_CHECKING:
    import pandas as pd

POINTS = 120  # of a line, about
MOST_BARS = 12
BUTTONS = {
    "stop": "Stop",
    "save": "Save now",
    "sample": "Sample now",
    "resume": "Resume",
    "settings": "Use its settings",
    "delete": "Delete",
}
SVARAS = ("Sa", "Ri1", "Ri2", "Ga2", "Ga3", "Ma1", "Ma2", "Pa", "Da1", "Da2", "Ni2", "Ni3")
GIB = 2**30


# Before the launch


def report_html(found: Preflight, config: FinetuneConfig, costs: str = "") -> str:
    """What the run would learn from, and what it would take."""
    splits = ", ".join(f"{n} {escape(split)}" for split, n in found.counts.items())
    named = ", ".join(f"{what} {100 * share:.0f} %" for what, share in found.named.items())
    sound = duration(3600 * found.hours) if found.hours else "unknown length"
    facts = {
        "Pictures": splits,
        "Sound": f"{sound} to learn from, {found.captions} different captions",
        "Captions know": named,
        "Disk": f"{found.disk_free / GIB:.1f} GiB free",
        **({"Machine": escape(costs)} if costs else {}),
        **(_probed(found, config) if found.probe else {}),
    }
    rows = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
    said = "".join(f'<p class="notice bad">{escape(each)}</p>' for each in found.problems)
    said += "".join(f'<p class="notice">{escape(each)}</p>' for each in found.warnings)
    verdict = "Not ready" if found.problems else "Ready to launch"
    return (
        f'<section class="preflight" data-ready="{str(not found.problems).lower()}">'
        f"<h4>{verdict}</h4>{said}<dl>{rows}</dl>"
        f"{bars_html('Sections', found.sections)}{bars_html('Ragas', found.ragas)}"
        f"{bars_html('Lengths of what was marked', found.lengths)}{_rejected(found)}</section>"
    )


def _probed(found: Preflight, config: FinetuneConfig) -> dict[str, str]:
    probe = found.probe
    once = probe.n_to_encode * probe.encode_s
    parts = [f"{config.max_steps} steps of {probe.step_s:.2f} s"]
    if once > 1:
        parts.append(f"{duration(once)} to encode the pictures once")
    if probe.listen_s > 1:
        parts.append(f"{duration(probe.listen_s)} for samples and held-out losses")
    return {
        "Machine": escape(probe.device),
        "Memory": f"{probe.memory_bytes / GIB:.1f} GiB at most; {probe.memory_free / GIB:.1f} free",
        "Trained": f"{probe.parameters / 1e6:.1f} M parameters",
        "Time": f"<b>about {duration(probe.total_s)}</b>: {', '.join(parts)}",
        "Writes": f"{probe.disk_bytes / GIB:.2f} GiB of checkpoints and model",
    }


def bars_html(title: str, counts: Mapping[str, float]) -> str:
    """A histogram, the longest bars first as they come."""
    if not counts:
        return ""
    top = max(counts.values())
    shown = list(counts.items())[:MOST_BARS]
    rows = "".join(
        f"<li><span>{escape(name)}</span><i style='width:{100 * n / top:.1f}%'></i><b>{n:g}</b>"
        "</li>"
        for name, n in shown
    )
    more = f"<small>and {len(counts) - MOST_BARS} more</small>" if len(counts) > MOST_BARS else ""
    return f'<details class="bars" open><summary>{title}</summary><ul>{rows}</ul>{more}</details>'


def _rejected(found: Preflight) -> str:
    rows = "".join(
        f"<li><code>{escape(name)}</code> {escape(why)}</li>" for name, why in found.rejected[:50]
    )
    title = f"{len(found.rejected)} pictures left out"
    return f'<details class="bars"><summary>{title}</summary><ul>{rows}</ul></details>' * bool(rows)


def command_text(config: FinetuneConfig, devices: Sequence[str] = ()) -> str:
    """The command that does the same elsewhere."""
    words = ["python", *jobs.command(config, devices)[1:]]
    return "The same by command, here or on another machine:\n```\n" + shlex.join(words) + "\n```"


# While it runs


def status_html(run: Status, may_steer: bool) -> str:
    """State, progress, speed and time left, with the buttons that fit."""
    share = 100 * run.step / run.max_steps if run.max_steps else 0
    facts = [f"step {run.step} of {run.max_steps or '?'}"]
    if run.steps_per_s:
        facts.append(f"{run.steps_per_s:.2f} steps/s")
    if run.seconds_left is not None and not run.has_ended:
        facts.append(f"{duration(run.seconds_left)} left")
    if run.more.get("memory_mib"):
        facts.append(f"{run.more['memory_mib'] / 1024:.1f} GiB of {run.more['memory_of']} memory")
    buttons = "".join(
        f'<button type="button" data-do="{each}" data-run="{escape(run.run_id)}">'
        f"{BUTTONS[each]}</button>"
        for each in _wishes(run, may_steer)
    )
    bad = " bad" if run.state == "failed" else ""
    return (
        f'<div class="run{bad}" role="status" data-state="{run.state}"><p>'
        f'<b class="badge">{run.state}</b> {" · ".join(facts)}</p>'
        f'<div class="share" role="progressbar" aria-valuenow="{share:.0f}" aria-label="Progress">'
        f'<i class="approved" style="width:{share:.1f}%"></i></div>'
        f"<p>{escape(run.message)}</p><nav>{buttons}</nav></div>"
    )


def _wishes(run: Status, may_steer: bool) -> tuple[str, ...]:
    if not may_steer:
        return ("settings",)
    if run.state == "queued":
        return ("stop", "settings")
    if not run.has_ended:
        return ("stop", "save", "sample", "settings")
    return (*(("resume",) if run.state != "finished" else ()), "settings", "delete")


def loss_rows(metrics: Sequence[dict], name: str = "") -> "pd.DataFrame":
    """Losses by step as the plot wants them; those of training as means of a few steps.

    A single loss says little: it jumps with the timesteps it was drawn at.
    """
    import pandas as pd

    every = max(1, len(metrics) // POINTS)
    before = f"{name}: " if name else ""
    few = [metrics[i : i + every] for i in range(0, len(metrics) // every * every, every)]
    rows = [
        (some[-1]["step"], sum(row["loss"] for row in some) / every, f"{before}training")
        for some in few
    ]
    rows += [
        (row["step"], row["validation_loss"], f"{before}held out")
        for row in metrics
        if row.get("validation_loss") is not None
    ]
    return pd.DataFrame(rows, columns=["step", "loss", "of"])


def samples_html(workspace: Workspace, run_id: str) -> str:
    """The sounds made on the way, the newest step first, with where each melody rests."""
    found = sorted(jobs.samples(workspace, run_id), key=lambda each: each.step, reverse=True)
    where = f"/gradio_api/studio/runs/{escape(run_id)}/samples"
    cards = [
        f'<li class="card" data-step="{each.step}"><b>Step {each.step}</b>'
        f"<small>{escape(str(each.about.get('prompt', '')))}</small>"
        f'<audio controls preload="none" src="{where}/{escape(each.path.name)}"></audio>'
        f"{svaras_html(each)}</li>"
        for each in found
    ]
    return f'<ul class="gallery">{"".join(cards)}</ul>' if cards else ""


def svaras_html(sample: Sample) -> str:
    """How long the melody rests on each svara; those of the asked raga are marked."""
    heard = sample.about.get("svaras")
    if not heard:
        return ""
    own = set(sample.about.get("scale") or ())
    top = max(max(heard), 1e-9)
    columns = "".join(
        f'<i class="{"own" if place in own else "foreign"}" '
        f'style="height:{100 * seconds / top:.0f}%" '
        f'title="{name}: {seconds:.1f} s{"" if place in own else ", not in the scale"}"></i>'
        for place, (name, seconds) in enumerate(zip(SVARAS, heard, strict=False))
    )
    names = "".join(
        f'<span class="{"own" if place in own else ""}">{name}</span>'
        for place, name in enumerate(SVARAS)
    )
    said = escape(str(sample.about.get("judged", "")))
    return (
        f'<figure class="svaras" aria-label="Where the melody rests"><div>{columns}</div>'
        f"<div>{names}</div><figcaption>{said}</figcaption></figure>"
    )


def differences_html(settings: Mapping[str, FinetuneConfig]) -> str:
    """The settings in which runs differ, one column each."""
    from dataclasses import fields

    names = [each.name for each in fields(FinetuneConfig) if each.name != "output"]
    differing = [
        name for name in names if len({str(getattr(c, name)) for c in settings.values()}) > 1
    ]
    if len(settings) < 2 or not differing:
        return '<p class="notice">Choose two runs or more with different settings.</p>'
    head = "".join(f"<th>{escape(run)}</th>" for run in settings)
    body = "".join(
        f"<tr><td>{name.replace('_', ' ')}</td>"
        + "".join(
            f'<td data-head="{escape(run)}">{escape(str(getattr(config, name)))}</td>'
            for run, config in settings.items()
        )
        + "</tr>"
        for name in differing
    )
    return (
        f'<table class="rows"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'
    )
