#!/usr/bin/python3
"""Writes the HDF5 files of this folder: every element type that is read, and everything that must be refused."""
from pathlib import Path

import h5py
import numpy as np

HERE = Path(__file__).resolve().parent


def types():
    with h5py.File(HERE / 'types.h5', 'w') as file:
        file.attrs['note'] = 'variable text é'
        file.attrs['fixed'] = np.bytes_('fixed text')
        file.attrs['number'] = 3
        group = file.create_group('a.b/c')
        group.attrs['where'] = 'nested'
        values = np.array([[0, 1, 2], [3, 100, 127]])
        for name in ('i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8'):
            for order in '<>':
                file.create_dataset(f'types/{order}{name}', data=values.astype(order + name))
        file['types/bool'] = values > 2
        packed = file.create_dataset('types/packed', data=values.astype('f4'), chunks=(1, 3), compression='gzip',
                                     shuffle=True, fletcher32=True)
        packed.attrs['layout'] = 'NC'
        bfloat16 = file.create_dataset('types/bfloat16', data=np.array([0x3F80, 0xC020, 0x7F80], 'u2'))
        bfloat16.attrs['logical_dtype'] = 'bfloat16'
        e4m3 = file.create_dataset('types/e4m3', data=np.array([0x38, 0x7E, 0xB8], 'u1'))
        e4m3.attrs['logical_dtype'] = 'float8_e4m3fn'
        flags = file.create_dataset('types/flags', data=np.array([0, 1, 7], 'u1'))
        flags.attrs['logical_dtype'] = 'bool'
        int4 = file.create_dataset('types/int4', data=np.array([0x21], 'u1'))
        int4.attrs['logical_dtype'] = 'int4_packed'
        file['types/scalar'] = np.float64(2.5)
        file['types/text'] = 'a text'
        file['types/empty'] = np.zeros((0, 4), 'f4')
        file['types/nothing'] = h5py.Empty('f4')


def hostile():
    with h5py.File(HERE / 'hostile.h5', 'w') as file:
        file['data'] = np.arange(6, dtype='f4')
        file['links/soft'] = h5py.SoftLink('/data')
        file['outside/external'] = h5py.ExternalLink('types.h5', '/types/<f4')
        file['hard/data'] = file['data']
        file.create_dataset('lzf', data=np.arange(64, dtype='f4'), compression='lzf')
        file.create_dataset('scaled', data=np.arange(64, dtype='i4'), scaleoffset=0)
        file.create_dataset('stored_outside', shape=(4,), dtype='f4', external=[('elsewhere.bin', 0, 16)])
        layout = h5py.VirtualLayout(shape=(6,), dtype='f4')
        layout[:] = h5py.VirtualSource(file['data'])
        file.create_virtual_dataset('virtual', layout)
        file.create_dataset('never_written', shape=(1 << 20, 1 << 20), dtype='f4', chunks=(1, 1 << 10))
        file.create_dataset('huge_chunk', shape=(1 << 15, 1 << 15), dtype='u1', chunks=(1 << 15, 1 << 15),
                            compression='gzip')


if __name__ == '__main__':
    types()
    hostile()
