"""What a plot shows, read back from matplotlib's axes."""

from itertools import combinations

__all__ = ["boxes", "colors_seen_with", "legend", "marks", "outside", "overlaps", "tick_texts"]

TOLERANCE = 0.5  # in pixels

# Linear approximations of how people without one kind of cone see linear RGB (Viénot 1999; Brettel
# 1997 for the third).
DEFICIENCIES = {
    "protanopia": [[0.112, 0.888, 0.0], [0.112, 0.888, 0.0], [0.004, -0.004, 1.0]],
    "deuteranopia": [[0.293, 0.707, 0.0], [0.293, 0.707, 0.0], [-0.021, 0.021, 1.0]],
    "tritanopia": [[1.0, 0.127, -0.127], [0.0, 0.874, 0.126], [0.0, 0.874, 0.126]],
}


def legend(axes):
    """Return the texts of the legend; an empty list without one."""
    box = axes.get_legend()
    return [] if box is None else [text.get_text() for text in box.get_texts()]


def marks(axes, label):
    """Return the points of the markers whose label in the legend begins so."""
    (found,) = [mark for mark in axes.collections if mark.get_label().startswith(label)]
    return [tuple(map(float, point)) for point in found.get_offsets()]


def _ticks(axis):
    low, high = sorted(axis.get_view_interval())
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    return [tick.label1 for tick in ticks if low <= tick.get_loc() <= high]


def tick_texts(axis):
    """Return the labels of an axis, in its order."""
    axis.axes.figure.draw_without_rendering()
    return [label.get_text() for label in _ticks(axis) if label.get_text()]


def boxes(axes):
    """Return every text of a plot with its box, after drawing it."""
    from matplotlib.text import Text

    axes.figure.draw_without_rendering()
    texts = [child for child in axes.get_children() if isinstance(child, Text)]
    texts += [axes.xaxis.label, axes.yaxis.label]
    texts += [axes.xaxis.get_offset_text(), axes.yaxis.get_offset_text()]
    texts += [*_ticks(axes.xaxis), *_ticks(axes.yaxis)]
    texts += [] if axes.get_legend() is None else axes.get_legend().get_texts()
    return [
        (text.get_text(), text.get_window_extent())
        for text in texts
        if text.get_visible() and text.get_text().strip()
    ]


def overlaps(axes):
    """Return the pairs of texts that cover each other."""
    return [
        (one, other)
        for (one, box), (other, second) in combinations(boxes(axes), 2)
        if min(box.x1, second.x1) - max(box.x0, second.x0) > TOLERANCE
        and min(box.y1, second.y1) - max(box.y0, second.y0) > TOLERANCE
    ]


def outside(axes):
    """Return the texts that leave the figure."""
    whole = axes.figure.bbox
    return [
        text
        for text, box in boxes(axes)
        if box.x0 < whole.x0 - TOLERANCE
        or box.y0 < whole.y0 - TOLERANCE
        or box.x1 > whole.x1 + TOLERANCE
        or box.y1 > whole.y1 + TOLERANCE
    ]


def colors_seen_with(deficiency, colors):
    """Return colours in CIE Lab as people with a colour deficiency see them; None for others."""
    import numpy as np
    from matplotlib.colors import to_rgb

    rgb = np.array([to_rgb(color) for color in colors])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    if deficiency is not None:
        linear = np.clip(linear @ np.array(DEFICIENCIES[deficiency]).T, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.array(to_xyz).T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )
