"""What we owe each customer: questions at the right moment, cases that are closed, offers."""
