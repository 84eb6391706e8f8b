"""What people look at: the curves, the grid of images, and one sentence."""

FIGURES = []
