"""`python main.py`: the command line of Cerberus."""

from abuse.commands import cli

if __name__ == "__main__":
    cli()
