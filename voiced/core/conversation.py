"""Placeholder by the lead until "voices" writes the real one; overwrite freely."""
from voiced.types import Message, Role
class Conversation:
    def __init__(self, system_prompt): self.p=[Message(Role.SYSTEM, system_prompt)]; self.x=[]
    def add(self,q,a,*,interrupted): self.x+= [Message(Role.USER,q),Message(Role.ASSISTANT,a)]
    def asking(self,q,model): return [*self.p,*self.x,Message(Role.USER,q)]
    @property
    def last_reply(self): return self.x[-1].content if self.x else ""
