"""The waveform region editor: a component, the addresses it fetches from, and its own JavaScript.

component.py  the gradio component             static/   ES modules and styles, served as they are
edits.py      what it may ask of the library   web/      the lock of the one browser library
views.py      what it is told                  setup.py  installs that library
routes.py     addresses                        strip.py  spectrogram tiles
listening.py  pitch tiles and the likely tonics
"""
