"""Numbers of people and organisations: what is one, in which form, and how to find one in text.

Pure leaf. No error here repeats the number or text that it is about.
"""
