"""What Ray clusters are launched with: checks of the launch files, and the spot watcher."""
