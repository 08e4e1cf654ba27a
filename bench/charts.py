"""Charts as SVG, by matplotlib: light background, text as text, so that the files stay small and readable as diffs.

Not what is in them (the parts). Without matplotlib no chart is drawn, and the run says so: the figures do not need it.
"""

try:
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plot
except ImportError:
    plot = None

OURS = "#c2410c"
PEERS = ["#475569", "#0e7490", "#7c3aed", "#a16207", "#15803d", "#be185d"]


def draw(charts, folder):
    """Draws into `folder`; the names of the files."""
    if plot is None:
        return []
    # The same figures give the same file: no date, no random ids.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "sorl", "font.size": 10, "font.family": "sans-serif"}
    drawn = []
    with matplotlib.rc_context(settings):
        for chart in charts:
            figure, axes = plot.subplots(figsize=(7.2, 0.42 * len(chart.bars) + 1.3 if chart.bars else 4.2))
            bars(axes, chart) if chart.bars else lines(axes, chart)
            axes.set_title(chart.title, loc="left", fontsize=11)
            axes.spines[["top", "right"]].set_visible(False)
            figure.tight_layout()
            figure.savefig(folder / f"{chart.file}.svg", metadata={"Date": None}, facecolor="white")
            plot.close(figure)
            drawn.append(f"{chart.file}.svg")
    return drawn


def is_ours(name):
    return name.startswith("Sorl")


def bars(axes, chart):
    names, values = list(chart.bars), list(chart.bars.values())
    drawn = axes.barh(names, values, color=[OURS if is_ours(name) else PEERS[0] for name in names], height=0.62)
    axes.bar_label(drawn, labels=[f"{value:,.4g}" for value in values], padding=4)
    axes.invert_yaxis()
    axes.set_xlabel(chart.y_label)
    if chart.logarithmic:
        axes.set_xscale("log")
    axes.margins(x=0.14)


def lines(axes, chart):
    others = iter(PEERS * 4)
    for name, points in chart.lines.items():
        xs, ys = zip(*points)
        axes.plot(xs, ys, marker="o", markersize=4, label=name, color=OURS if is_ours(name) else next(others))
    axes.set_xlabel(chart.x_label)
    axes.set_ylabel(chart.y_label)
    if chart.logarithmic:
        axes.set_xscale("log")
        axes.set_yscale("log")
    axes.grid(alpha=0.25)
    if len(chart.lines) > 1:
        axes.legend(frameon=False)
