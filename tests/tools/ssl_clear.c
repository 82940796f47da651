/* Preload for vpnclient/vpnserver builds of 2020 that run on OpenSSL 3: empty the
 * thread's OpenSSL error queue before each read, peek and write.  Without it a
 * connection that ended without a TLS close leaves an error behind, and every
 * later connection of the same thread is dropped at once (later SoftEther
 * versions call ERR_clear_error() at the same places).
 *
 * OpenSSL's own declarations are written out, so that no headers are needed; the
 * function is found in the libcrypto the program has already loaded.
 * gcc -shared -fPIC -o ssl_clear.so ssl_clear.c -ldl */
#define _GNU_SOURCE
#include <dlfcn.h>

typedef struct ssl_st SSL;
void ERR_clear_error(void);

#define WRAP(name, buf)                                            \
    int name(SSL *s, buf p, int n) {                               \
        static int (*real)(SSL *, buf, int);                       \
        if (!real) real = dlsym(RTLD_NEXT, #name);                 \
        ERR_clear_error();                                         \
        return real(s, p, n);                                      \
    }

WRAP(SSL_read, void *)
WRAP(SSL_peek, void *)
WRAP(SSL_write, const void *)
