"""The same small job on other engines; each script runs in an environment that has its engine, none needs Touchline.

    python SCRIPT BOOTSTRAP TOPIC OUT COUNT FOLDER

reads COUNT events of TOPIC from its beginning, keeps each customer's place in one journey of three steps, writes a
record to OUT for each journey completed, and prints a line of JSON for the first event and one for the last.
"""
