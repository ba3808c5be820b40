"""What the ``hoichan`` command does, one module a group of commands."""
