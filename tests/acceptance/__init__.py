"""The public contract, sentence by sentence, from outside: the command line and HTTP, literal input, literal output."""
