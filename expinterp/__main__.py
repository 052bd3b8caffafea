"""Run the command line as ``python -m expinterp``."""

from expinterp.cli import run

if __name__ == "__main__":
    run()
