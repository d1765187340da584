"""What is drawn: panels, menus, the status bar."""
