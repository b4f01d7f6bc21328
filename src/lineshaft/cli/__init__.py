"""The command line: assembles every package's commands and runs a box. Nothing imports it.

`main` is the entry point; `catalogue` says which packages, services and settings there are; `box` prepares a home and
supervises its processes; the other modules are one command each.
"""
