"""The report of a run, as Markdown: the goals first, then each part's tables, charts and remarks.

Not the reading of it: bench/README.md says what each figure is and is not.
"""


def markdown(found, where, drawn):
    goals = [goal for part in found.values() for goal in part.goals]
    lines = ["# Delivery, measured", "", circumstances(where), ""]
    if goals:
        rows = [[f"`{goal.key}`", number(goal.value), bound(goal), "yes" if goal.met else "**no**", goal.note] for goal in goals]
        lines += ["## Goals", "", *table(["goal", "measured", "wanted", "met", ""], rows), ""]
    for part in found.values():
        lines += [f"## {part.title}", ""]
        for shown in part.tables:
            lines += [f"**{shown.title}**", "", *table(shown.columns, shown.rows), ""]
            lines += [shown.note, ""] if shown.note else []
        lines += [f"![{chart.title}]({chart.file}.svg)\n" for chart in part.charts if f"{chart.file}.svg" in drawn]
        lines += [f"- {note}" for note in part.notes] + [""]
    return "\n".join(lines).rstrip() + "\n"


def circumstances(where):
    short = " A short version: not for comparing." if where["quick"] else ""
    return (
        f"{where['date']}, commit {where['commit']}, {where['cores']} cores ({where['cpu']}), Linux {where['kernel']}, "
        f"{where['rustc']}, Node {where['node']}; took {where['minutes']} minutes.{short}"
    )


def bound(goal):
    return f"{'≥' if goal.least else '≤'} {goal.wanted:g}"


def number(value):
    """Three figures that mean something."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(columns, rows):
    cells = [[number(cell) for cell in row] for row in rows]
    align = ["---"] + ["---:"] * (len(columns) - 1)
    return ["| " + " | ".join(row) + " |" for row in [columns, align, *cells]]
