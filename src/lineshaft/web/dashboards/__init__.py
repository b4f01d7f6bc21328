"""Dashboards that people make for themselves: text documents, each saved change a version, shared with a project or not.

`model` says what a document holds, `check` reads one and names every fault at its field, `store` keeps the versions,
`api` and `cli` serve them. They belong to the console, which `web` serves: no capability knows them, and they hold no
values: what a dashboard shows is asked for by whoever looks, with that person's own rights.
"""
