"""Points from what others have written about a device: SunSpec models, register maps, node sets, tables.

Each module is pure: text and numbers in, `Imported` out. What cannot become a point is listed with the reason, so that
nothing is left out in silence.
"""
