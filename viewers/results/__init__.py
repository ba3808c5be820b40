"""The panel of results beside the images: to check, correct and confirm."""
