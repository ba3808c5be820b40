"""A plain list to look through and choose from; its texts come from the page."""
