"""ministack, all of its services; run by the engine's own Python, with its settings in the environment."""

from ministack import app

if __name__ == "__main__":
    app.main()
