"""How fast and how frugal the house is, as figures with marks. `manage.py bench` runs BENCHES, each in a throw-away installation.

A bench is a module of this package with a list MEASURES of functions; each measures one thing, or a few at once, and gives rows.
"""

BENCHES = ("custody", "processing", "generator")
# only when named: figures without marks, of machines that most people have not
OTHERS = ("generator-gpu",)
