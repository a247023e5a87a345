package main

import "unsafe"

// The canonical ABI by hand: the few value types that this skill has. A function returns the address of its
// result's memory, which stays alive because the instance is used for one call.

var alive [][]byte

func alloc(size uint32) unsafe.Pointer {
	// A multiple of eight, so that Go aligns it for any value.
	memory := make([]byte, (size+8)&^7)
	alive = append(alive, memory)
	return unsafe.Pointer(&memory[0])
}

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, _, newSize uint32) unsafe.Pointer {
	memory := alloc(newSize)
	copy(unsafe.Slice((*byte)(memory), newSize), unsafe.Slice((*byte)(old), oldSize))
	return memory
}

func lift(data unsafe.Pointer, length uint32) string {
	return unsafe.String((*byte)(data), length)
}

// loweredString is also how a list is laid out.
type loweredString struct{ data, length uint32 }

func lower(s string) loweredString {
	memory := alloc(uint32(len(s)))
	copy(unsafe.Slice((*byte)(memory), len(s)), s)
	return loweredString{address(memory), uint32(len(s))}
}

func lowerList[T any](items []T) loweredString {
	size := uint32(len(items)) * uint32(unsafe.Sizeof(*new(T)))
	memory := alloc(size)
	copy(unsafe.Slice((*T)(memory), len(items)), items)
	return loweredString{address(memory), uint32(len(items))}
}

func result[T any](value T) unsafe.Pointer {
	memory := alloc(uint32(unsafe.Sizeof(value)))
	*(*T)(memory) = value
	return memory
}

func address(pointer unsafe.Pointer) uint32 { return uint32(uintptr(pointer)) }
