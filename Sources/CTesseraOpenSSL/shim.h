#ifndef TESSERA_COPENSSL_SHIM_H
#define TESSERA_COPENSSL_SHIM_H

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

/// Whether a key is one of plain RSA; the name of the function behind it changed with OpenSSL 3.
static inline int tessera_is_rsa(EVP_PKEY *key) {
    return EVP_PKEY_base_id(key) == EVP_PKEY_RSA;
}

/// The length of a key's signatures; a macro since OpenSSL 3.
static inline int tessera_signature_length(EVP_PKEY *key) {
    return EVP_PKEY_size(key);
}

#endif
