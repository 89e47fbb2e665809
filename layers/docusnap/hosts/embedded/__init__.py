"""`docusnap up`: the whole system on one machine, on real parts from wheels, under one folder and on 127.0.0.1.

`up` decides and starts, `stack` holds the programs together, `feed` sends a page through the front door as any client would.
"""
