"""Categories suggested while somebody writes, and to the desk. A machine proposes, it may abstain, a person decides.

features   what is known of a report when it is sent, hashed        model     the learned numbers as a checked file
suggest    the likeliest category, how sure, which words moved it   learning  logistic regression, calibrated on the latest reports
keywords   the beginning, by the words of data/categories           desk      what an installation's own desk has corrected
installed  whichever of both this installation has                  measuring accuracy over coverage
"""
