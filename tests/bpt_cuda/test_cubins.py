"""The CUDA kernels as they were compiled: nothing spilled, tensor cores and asynchronous copies used, all as in the table."""

import os
import pathlib
import re
import subprocess
import sys
import unittest

import cubins

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "plugins/attention/bpt_cuda/kernels.md"
COLUMNS = ("kernel", "sm", "registers", "shared bytes", "blocks", "warps", *cubins.OPCODES.values())
MULTIPLYING = ("forward_kernel", "dq_kernel", "dkdv_kernel", "decode_kernel")
PLAIN_THREADS = 128  # of a kernel without tiles

# Of a multiprocessor: shared bytes, blocks, warps; and the shared bytes that one block may have.
LIMITS = {
    80: (164 << 10, 32, 64, 163 << 10),
    86: (100 << 10, 16, 48, 99 << 10),
    89: (100 << 10, 24, 48, 99 << 10),
    90: (228 << 10, 32, 64, 227 << 10),
    100: (228 << 10, 32, 64, 227 << 10),
    120: (100 << 10, 32, 48, 99 << 10),
}
REGISTERS, REGISTER_UNIT, RESERVED_BYTES = 65536, 256, 1024  # the last: of shared memory, by the system, for each block


def nvcc_version():
    return re.search(r"V([\d.]+)", subprocess.run([os.environ["EASYLM_NVCC"], "--version"], check=True,
                                                  capture_output=True, text=True).stdout)[1]  # fmt: skip


def tiles():
    """{(kernel, width): (threads, dynamic shared bytes)}."""
    text = subprocess.run([os.environ["EASYLM_TILES"]], check=True, capture_output=True, text=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return {(name, width): (int(threads), int(shared)) for name, width, threads, shared in rows}


def occupancy(kernel, threads, shared):
    """How many blocks a multiprocessor holds."""
    all_shared, blocks, warps, _ = LIMITS[kernel.architecture]
    block_warps = -(-threads // 32)
    warp_registers = -(-kernel.registers * 32 // REGISTER_UNIT) * REGISTER_UNIT
    return min(blocks, warps // block_warps, REGISTERS // (warp_registers * block_warps),
               all_shared // (shared + RESERVED_BYTES))  # fmt: skip


def rows():
    found, sizes = [], tiles()
    for path in os.environ["EASYLM_CUDA_OBJECTS"].split(":"):
        for kernel in cubins.kernels(path):
            name, _, arguments = kernel.name.partition("<")
            width = arguments.rstrip(">").split(", ")[-1]
            threads, shared = sizes.get((name, width), (PLAIN_THREADS, 0))
            blocks = occupancy(kernel, threads, shared)
            numbers = [kernel.instructions[opcode] for opcode in cubins.OPCODES.values()]
            found.append((kernel, shared, [kernel.name, kernel.architecture, kernel.registers, shared, blocks,
                                           blocks * threads // 32, *numbers]))  # fmt: skip
    return sorted(found, key=lambda row: (row[2][0].partition("<")[0], row[2][1], row[2][0]))


def table(lines):
    """The text of TABLE."""
    text = [
        "# The kernels as compiled",
        "",
        f"By nvcc {nvcc_version()}. Blocks and warps are those that one multiprocessor holds at a time; HMMA are products on",
        "tensor cores, LDSM loads of their operands, LDGSTS asynchronous copies, LDL and STL what was spilled. The target",
        "`bpt_cuda_table` writes this file; the test `CudaAttention.Cubins` compares it with what was built.",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "| --- |" + " ---: |" * (len(COLUMNS) - 1),
    ]
    return "\n".join(text + ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]) + "\n"


class Cubins(unittest.TestCase):
    def test_nothing_is_spilled(self):
        for kernel, _, line in rows():
            self.assertEqual((kernel.frame_bytes, kernel.instructions["LDL"], kernel.instructions["STL"]), (0, 0, 0), line)

    def test_products_run_on_tensor_cores_and_copies_alongside(self):
        names = set()
        for kernel, _, line in rows():
            name = kernel.name.partition("<")[0]
            if name in MULTIPLYING:
                names.add(name)
                self.assertGreater(min(kernel.instructions[i] for i in ("HMMA", "LDSM", "LDGSTS")), 0, line)
        self.assertEqual(names, set(MULTIPLYING))

    def test_every_block_fits_its_multiprocessor(self):
        for kernel, shared, line in rows():
            self.assertLessEqual(shared + kernel.static_bytes, LIMITS[kernel.architecture][3], line)
            self.assertGreater(line[COLUMNS.index("blocks")], 0, line)

    def test_every_architecture_has_every_kernel(self):
        lines = [line for _, _, line in rows()]
        self.assertEqual({line[1] for line in lines}, set(LIMITS))
        self.assertEqual(len(lines), len({line[0] for line in lines}) * len(LIMITS))

    def test_the_table_tells_what_was_built(self):
        written = TABLE.read_text(encoding="utf-8")
        if f"nvcc {nvcc_version()}." not in written:
            self.skipTest("the table is of another version of nvcc")
        self.maxDiff = None
        self.assertEqual(written, table(line for _, _, line in rows()))


if __name__ == "__main__":
    if "--write" in sys.argv:
        TABLE.write_text(table(line for _, _, line in rows()), encoding="utf-8")
    else:
        unittest.main()
