/* Why a connection ends: the codes of closing frames (RFC 6455, section 7.4), and our own. The
 * stock provider stays away after 4400 to 4499, and comes back after all others. */
#ifndef WEFT_WS_CODES_H
#define WEFT_WS_CODES_H

#define WS_CODE_GOING_AWAY 1001
#define WS_CODE_PROTOCOL   1002
#define WS_CODE_NOT_BINARY 1003
#define WS_CODE_NONE       1005 /* never sent: the peer gave no code */
#define WS_CODE_NOT_UTF8   1007
#define WS_CODE_INTERNAL   1011
#define WS_CODE_COME_AGAIN 1013
#define WS_CODE_MALFORMED  4400
#define WS_CODE_DELETED    4404
#define WS_CODE_TOO_LARGE  4413

#endif
