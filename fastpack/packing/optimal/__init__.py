"""Optimal: chunks -> nearly as few bins as any packing needs, with a proof.

A bin is a pattern: how many chunks of each size it has. To pack is to choose patterns,
and how often each is used, so that every chunk has a place; the fewest bins if the
numbers of uses may be fractions are a linear program, the relaxation of Gilmore and
Gomory ("A linear programming approach to the cutting-stock problem", 1961, 1963). Its
dual gives each size a price, so that no bin is worth more than 1; then all chunks
together are worth no more than the bins they need, which is the proof.

problem (the sizes) and patterns are what it is about. relaxation solves the linear
program by columns: master over the patterns found so far, for prices that are linear
between knots, and knapsack finds those that are missing. classes makes the sizes fewer,
rounding the fractions whole; exhaustive tries all packings of a few chunks; search
does all that for a group, place for all groups.
runs turns patterns into the runs of a plan; certificate is what is proven of it, effort
what it took.

May import: what packing may, and best_fit, bounds and chunks of it. Only master imports
highspy.

pattern         the sizes in a bin, and how often it has each
use             a bin that is filled by a pattern
size            a footprint, in units that a knapsack can count
item            the number of a size, ascending; that of chunks of it
price           what a chunk is worth, in parts of a bin; that of an item
class           neighbouring sizes, each of which takes the room of the largest
"""
