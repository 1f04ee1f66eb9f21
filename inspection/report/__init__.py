"""One self-contained HTML page about a run: inspection.report.page.write.

A section is a module in `sections`, found by the folder: TITLE, ORDER, and blocks(facts), which says in blocks
(inspection.report.blocks) what is to be read. How a block looks is in `templates` alone.
"""
