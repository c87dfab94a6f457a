"""Speaks with tokenizer_server: a tokenizer of this build, as Python objects."""

import os
import pathlib
import struct
import subprocess

import numpy


class Ours:
    def __init__(self, path, kind="bpe"):
        server = pathlib.Path(os.environ["EASYLM_BIN"]).parent / "tokenizer_server"
        self.process = subprocess.Popen([server, kind, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def ask(self, request, payload=b""):
        self.process.stdin.write(request + struct.pack("<I", len(payload)) + payload)
        self.process.stdin.flush()
        head = self.process.stdout.read(4)
        if len(head) < 4:
            raise RuntimeError(self.process.stderr.read().decode())
        return self.process.stdout.read(struct.unpack("<I", head)[0])

    def encode(self, text):
        return numpy.frombuffer(self.ask(b"e", text), "<i4").tolist()

    def encode_text(self, text, request=b"i"):
        """Ids and (begin, end) in bytes."""
        answer = self.ask(request, text)
        count = len(answer) // 20
        ids = numpy.frombuffer(answer[:4 * count], "<i4").tolist()
        return ids, [tuple(pair) for pair in numpy.frombuffer(answer[4 * count:], "<i8").reshape(-1, 2).tolist()]

    def decode(self, ids):
        return self.ask(b"d", numpy.asarray(ids, "<i4").tobytes())

    def token_bytes(self, token):
        return self.ask(b"b", struct.pack("<i", token))

    def special(self):
        """Size of the vocabulary, bos, eos, pad (-1 if none), and the ids that end a text."""
        size, bos, eos, pad, *stop = numpy.frombuffer(self.ask(b"s"), "<i4").tolist()
        return size, bos, eos, pad, stop

    def write_files(self, folder):
        self.ask(b"f", str(folder).encode())

    def fingerprint(self):
        return self.ask(b"p").decode()

    def time_encode(self, text):
        """Seconds, and the number of ids."""
        nanoseconds, count = struct.unpack("<qq", self.ask(b"t", text))
        return nanoseconds / 1e9, count
