#if OpenSSL
    import CTesseraOpenSSL
    import SessionEngine

    /// An RSA key in the hands of the system's libcrypto, parsed once and freed with this object.
    ///
    /// `@unchecked` because of the pointer: it never changes, and what it points to is guarded by libcrypto's own
    /// rules. An EVP_PKEY that no thread modifies may be used by any number of threads (the blinding of RSA inside
    /// takes its own lock), and each signature has an EVP_MD_CTX of its own.
    final class OpenSSLKey: @unchecked Sendable {
        private let key: OpaquePointer
        private let signatureLength: Int

        /// Reads a key in PKCS#8 DER; `nil` for bytes that libcrypto does not take for an RSA key.
        init?(pkcs8DER bytes: [UInt8]) {
            let key = bytes.withUnsafeBufferPointer { buffer in
                var start = buffer.baseAddress
                return d2i_AutoPrivateKey(nil, &start, buffer.count)
            }
            guard let key else {
                ERR_clear_error()
                return nil
            }
            self.key = key
            signatureLength = Int(tessera_signature_length(key))
            guard tessera_is_rsa(key) == 1, signatureLength > 0 else { return nil }
        }

        deinit { EVP_PKEY_free(key) }

        /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2).
        func signature(over bytes: [UInt8]) throws(SigningError) -> [UInt8] {
            guard let context = EVP_MD_CTX_new() else { throw .cryptographyFailed }
            defer { EVP_MD_CTX_free(context) }
            var length = signatureLength
            var signature = [UInt8](repeating: 0, count: length)
            guard EVP_DigestSignInit(context, nil, EVP_sha256(), nil, key) == 1,
                EVP_DigestSign(context, &signature, &length, bytes, bytes.count) == 1, length == signature.count
            else {
                // libpq looks at the same queue of the thread.
                ERR_clear_error()
                throw .cryptographyFailed
            }
            return signature
        }
    }
#endif
