"""A child process that only waits for its socket (descriptor 3) to close. `python -m tests.waiting_child`"""

import os


def main() -> None:
    """Read until the end."""
    while os.read(3, 4096):
        pass


if __name__ == "__main__":
    main()
