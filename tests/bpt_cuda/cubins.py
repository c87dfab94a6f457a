"""Reads the machine code for GPUs that nvcc put into object files: registers, memory and instructions of each kernel."""

import collections
import pathlib
import re
import struct

CUDA_MACHINE = 190  # of the ELF images that lie in an object file, one for each architecture
REGISTERS, FRAME_BYTES = 0x2F, 0x11  # attributes of .nv.info: (symbol, number)
# The low 12 bits of an instruction, which all architectures from sm_80 on encode alike.
OPCODES = {
    0x23C: "HMMA",
    0x83B: "LDSM",
    0xFAE: "LDGSTS",
    0x983: "LDL",
    0x387: "STL",
}
INSTRUCTION_BYTES = 16

Kernel = collections.namedtuple("Kernel", "name architecture registers frame_bytes static_bytes instructions")


class Image:
    """One ELF image inside `data`."""

    def __init__(self, data, begin):
        self.data, self.begin = data, begin
        self.flags = struct.unpack_from("<I", data, begin + 48)[0]
        table = struct.unpack_from("<Q", data, begin + 40)[0]
        size, count, names = struct.unpack_from("<HHH", data, begin + 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", data, begin + table + i * size) for i in range(count)]
        self.sections = {}  # name: content
        for header in headers:
            name = self.string(headers[names][4] + header[0])
            nobits = header[1] == 8
            content = b"\0" * header[5] if nobits else data[begin + header[4] : begin + header[4] + header[5]]
            self.sections[name] = content
        self.symbols = self.read_symbols()

    def string(self, offset):
        begin = self.begin + offset
        return self.data[begin : self.data.index(b"\0", begin)].decode()

    def read_symbols(self):
        content, names = self.sections[".symtab"], self.sections[".strtab"]
        offsets = [struct.unpack_from("<I", content, i)[0] for i in range(0, len(content), 24)]
        return [names[offset : names.index(b"\0", offset)].decode() for offset in offsets]

    def architecture(self):
        return self.flags >> 8 & 0xFF

    def attribute(self, wanted):
        """{symbol: number} of an attribute that all kernels have."""
        content, at, found = self.sections[".nv.info"], 0, {}
        while at < len(content):
            form, attribute, value = struct.unpack_from("<BBH", content, at)
            at += 4
            if form != 4:  # the value lies in the header
                continue
            if attribute == wanted:
                symbol, number = struct.unpack_from("<II", content, at)
                found[self.symbols[symbol]] = number
            at += value
        return found


def images(data):
    at = 0
    while (at := data.find(b"\x7fELF", at)) >= 0:
        if struct.unpack_from("<H", data, at + 18)[0] == CUDA_MACHINE:
            yield Image(data, at)
        at += 4


def plain_name(mangled):
    """_ZN…14forward_kernelI13__nv_bfloat16Li64EEE… → forward_kernel<bf16, 64>."""
    for digits in re.finditer(r"(?=(\d+))", mangled):  # also the tails of longer numbers, which end what lies before
        begin = digits.end(1)
        end = begin + int(digits[1])
        if not mangled[begin:end].endswith("_kernel"):
            continue
        arguments = re.match(r"I(?:(?:13(__nv_bfloat16)|6__half))?((?:Li\d+E)*)E", mangled[end:])
        if arguments is None:
            return mangled[begin:end]
        element = {"1": ["bf16"], "6": ["fp16"]}.get(arguments[0][1], [])
        numbers = re.findall(r"Li(\d+)E", arguments[2])
        return mangled[begin:end] + "<" + ", ".join(element + numbers) + ">"
    return mangled


def instructions(code):
    counts = collections.Counter()
    for at in range(0, len(code), INSTRUCTION_BYTES):
        name = OPCODES.get(struct.unpack_from("<H", code, at)[0] & 0xFFF)
        if name:
            counts[name] += 1
    return counts


def kernels(path):
    """Every kernel of an object file, once for each architecture."""
    for image in images(pathlib.Path(path).read_bytes()):
        registers, frames = image.attribute(REGISTERS), image.attribute(FRAME_BYTES)
        for section, code in image.sections.items():
            if not section.startswith(".text."):
                continue
            name = section[len(".text.") :]
            yield Kernel(plain_name(name), image.architecture(), registers[name], frames[name],
                         len(image.sections.get(".nv.shared." + name, b"")), instructions(code))  # fmt: skip
