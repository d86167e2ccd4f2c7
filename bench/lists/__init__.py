"""The benchmark of lists: how long do the pages of a large desk take?"""
