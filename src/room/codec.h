/* How the log lays out updates for packing: by what is in them (crdt_updates_pack). */
#ifndef WEFT_ROOM_CODEC_H
#define WEFT_ROOM_CODEC_H

#include <store.h>

extern const store_codec room_codec;

#endif
