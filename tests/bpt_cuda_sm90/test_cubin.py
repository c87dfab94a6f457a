"""The kernel for sm_90a as it was compiled: a product and a copy for each that the source has, and nothing spilled."""

import os
import unittest

import cubins

# A product's left matrix comes from shared memory or from registers.
SHARED, REGISTERS, COPY = "HGMMA, shared", "HGMMA, registers", "UTMALDG"
cubins.OPCODES |= {0x9F0: SHARED, 0xDF0: REGISTERS, 0x5B4: COPY}

THREADS, REGISTERS_OF_A_MULTIPROCESSOR = 384, 65536
# By width: products of 16 numbers of the width, of 16 keys, and tiles of 64 numbers of queries, keys and values.
EXPECTED = {64: (4, 8, 3), 128: (8, 8, 6)}


class Cubin(unittest.TestCase):
    def setUp(self):
        self.kernels = list(cubins.kernels(os.environ["EASYLM_CUDA_OBJECT"]))

    def test_there_is_a_kernel_for_each_type_and_width(self):
        names = {f"forward_sm90_kernel<{element}, {width}>" for element in ("bf16", "fp16") for width in EXPECTED}
        self.assertEqual({(kernel.name, kernel.architecture) for kernel in self.kernels}, {(name, 90) for name in names})

    def test_nothing_is_spilled(self):
        for kernel in self.kernels:
            self.assertEqual((kernel.frame_bytes, kernel.instructions["LDL"], kernel.instructions["STL"]), (0, 0, 0), kernel)

    def test_products_are_wgmma_and_copies_are_of_tiles(self):
        for kernel in self.kernels:
            counted = tuple(kernel.instructions[name] for name in (SHARED, REGISTERS, COPY))
            self.assertEqual(counted, EXPECTED[int(kernel.name.rstrip(">").split(", ")[1])], kernel)

    def test_a_block_fits_its_multiprocessor(self):
        for kernel in self.kernels:
            self.assertLessEqual(kernel.registers * THREADS, REGISTERS_OF_A_MULTIPROCESSOR, kernel)


if __name__ == "__main__":
    unittest.main()
