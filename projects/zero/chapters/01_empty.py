# Chapter 1: the empty service.
#
# Run me from the folder above: python chapters/01_empty.py
#
# It takes the channel over and says nothing. Everybody's character list is empty, even of
# themselves, and that is no mistake: what a member sees is what the service sends, and this
# one sends nothing.
from moobius import Moobius, MoobiusWand


class ZeroService(Moobius):
    pass


if __name__ == '__main__':
    MoobiusWand().run(ZeroService, config='config/config.json')
