"""Stage 3, in and out: segments as other tools keep them, and theirs as segments.

    reading.read(content, name) -> Found           what a file says, in its own words
    importing.plan(found, recording, ...) -> Plan  the segments it means, and what must be asked
    exporting.export(recording, segments, format)  the file, and what it cannot hold

A format is a module with `read(content) -> list[Mark]` and `write(recording, segments) -> bytes`;
`formats.FORMATS` names them all. Reading either takes a whole file or raises one `AnnotationError`
with a line for each fault: nothing is imported in part, and no name is guessed.
"""
