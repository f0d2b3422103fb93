"""The bundled demo: a catalogue of well-known films and a simulator of people who watch them."""
