public import SessionEngine

/// Keeps private keys outside this process and signs with them there (docs/decisions/0050).
///
/// Where there is none, keys are in the memory of the process, and `SigningKey` signs. No function waits for longer than
/// a bound of the signer's own, whatever it waits for.
public protocol TokenSigner: Sendable {
    /// Makes a key pair, of which the private half stays where it is made.
    ///
    /// - Parameters:
    ///   - id: the name that tokens of the key carry.
    ///   - algorithm: its algorithm.
    /// - Returns: the public half.
    /// - Throws: `SigningError`.
    func makeKey(_ id: KeyID, _ algorithm: SigningAlgorithm) async throws(SigningError) -> PublicVerificationKey

    /// Signs a token; an ES256 signature is r and s, 32 bytes each.
    ///
    /// - Parameters:
    ///   - input: the signing input (RFC 7515 section 5.1), which the signer may read and refuse.
    ///   - key: which key.
    /// - Throws: `SigningError`.
    func signature(over input: [UInt8], by key: SignerKeyName) async throws(SigningError) -> [UInt8]

    /// Deletes the private half of a key; one that is not there is no error.
    ///
    /// - Throws: `SigningError`.
    func deleteKey(_ key: SignerKeyName) async throws(SigningError)
}
