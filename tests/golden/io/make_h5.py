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


def calibration():
    """Sets that are read: the schema below /calibration with all its conveniences, in the newest format."""
    with h5py.File(HERE / 'calibration.h5', 'w', libver='latest') as file:
        group = file.create_group('calibration/inputs')
        image = group.create_dataset('000000', data=np.arange(24, dtype='u1').reshape(4, 2, 3), compression='gzip')
        image.attrs['onnx_name'] = '/model/image'
        group['step'] = np.array([1, 2, 3, 4], 'i8')
        group['nested/name'] = np.array([0.5, 1.5, 2.5, 3.5], 'f8')
        half = group.create_dataset('half', data=np.array([[0x3F80], [0x4000], [0x4040], [0x4080]], 'u2'))
        half.attrs['logical_dtype'] = 'bfloat16'
        file['calibration/labels'] = np.array([3, 0, 2, 1], 'u1')


def refused_calibration():
    def write(name, **datasets):
        with h5py.File(HERE / f'calibration_{name}.h5', 'w', libver='latest') as file:
            for path, data in datasets.items():
                file[path.replace('__', '/')] = data

    floats = np.zeros((4, 2), 'f4')
    write('no_inputs', weights=floats, images=floats)
    with h5py.File(HERE / 'calibration_empty_group.h5', 'w', libver='latest') as file:
        file.create_group('inputs')
    write('disagree', inputs__a=floats, inputs__b=floats[:3])
    write('scalar', inputs__a=np.float32(1))
    write('no_samples', inputs__a=floats[:0])
    write('text', inputs__a='words')
    write('float_labels', inputs__a=floats, labels=np.zeros(4, 'f4'))
    write('short_labels', inputs__a=floats, labels=np.zeros(3, 'i8'))
    write('one_hot_labels', inputs__a=floats, labels=np.zeros((4, 3), 'i8'))
    with h5py.File(HERE / 'calibration_linked.h5', 'w', libver='latest') as file:
        file['inputs/a'] = h5py.ExternalLink('types.h5', '/types/<f4')


if __name__ == '__main__':
    types()
    hostile()
    calibration()
    refused_calibration()
