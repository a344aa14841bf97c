"""What the Makefile's commands do, one module each: `python -m scripts.NAME`."""
