import CTesseraPKCS11
import Crypto
import CryptoExtras
package import Foundations
package import SessionEngine
import Synchronization

/// Keys in a device that speaks PKCS #11, which never gives them away: made with CKA_SENSITIVE and without CKA_EXTRACTABLE.
///
/// A key pair has the label `tessera:KID:TIME`, one in reserve `tessera-reserve:OWNER`, and a random CKA_ID that joins its
/// halves.
package final class PKCS11Vault: KeyVault {
    /// How the device is reached.
    package struct Settings: Sendable, Redacted {
        /// The path of the module.
        package var module: String
        /// The label of the token.
        package var token: String
        /// The user's PIN.
        package var pin: String
        /// Whose keys in reserve are taken: those of this signer from before, and of no other one that has the device too.
        package var owner: String
        /// Whether to show the PIN though the device says that it was wrong the last time.
        package var insists = false
        /// How many sessions there are, each of which signs one input at a time.
        package var sessions = 4

        package init(module: String, token: String, pin: String, owner: String) {
            (self.module, self.token, self.pin, self.owner) = (module, token, pin, owner)
        }

        /// Never the PIN.
        package var description: String { "PKCS11Vault.Settings" }
    }

    private struct Key: Sendable {
        let handle: UInt
        let publicHandle: UInt
        let algorithm: SigningAlgorithm
    }

    private struct State {
        var free: [UInt] = []
        var slot: UInt = 0
        var keys: [SignerKeyName: Key] = [:]
        var isLoggedIn = false
        /// Counts the logins: who fails in one does not end the next.
        var login = 0
        /// Whether the PIN was wrong: it is not shown twice, because a device locks itself.
        var isPINWrong = false
    }

    private let module: PKCS11Module
    private let settings: Settings
    private let state = Mutex(State())

    /// Opens the device.
    ///
    /// - Throws: ``VaultError``.
    package init(_ settings: Settings) throws(VaultError) {
        self.settings = settings
        module = try PKCS11Module(settings.module)
        try logIn()
    }

    package var place: String { "the token '\(settings.token)' of \(settings.module)" }

    // MARK: Sessions

    private func logIn() throws(VaultError) {
        let result = state.withLock { state -> Result<Void, VaultError> in
            guard !state.isLoggedIn else { return .success(()) }
            do throws(VaultError) {
                let (slot, sessions) = try loggedIn(&state.isPINWrong)
                (state.slot, state.free, state.isLoggedIn) = (slot, sessions, true)
                state.login += 1
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Opens sessions, and shows the PIN in one of them; a wrong one is not shown twice, because a device locks itself.
    private func loggedIn(_ isPINWrong: inout Bool) throws(VaultError) -> (slot: UInt, sessions: [UInt]) {
        let (slot, flags) = try module.slot(of: settings.token)
        guard !isPINWrong, settings.insists || flags & PKCS11Module.pinWasWrong == 0 else {
            throw VaultError(
                "the PIN of the token '\(settings.token)' was wrong the last time, and is not shown again: mend it and start "
                    + "once with --retry-pin")
        }
        var sessions: [UInt] = []
        do throws(VaultError) {
            for _ in 0..<max(1, settings.sessions) { sessions.append(try module.session(slot)) }
            let code = module.logIn(sessions[0], settings.pin)
            guard code == 0 || code == PKCS11Module.alreadyLoggedIn else {
                let error = PKCS11Module.error("C_Login", code)
                isPINWrong = !error.isPassing
                guard isPINWrong else { throw error }
                throw VaultError("the PIN of the token '\(settings.token)' is wrong (\(error.description))")
            }
            return (slot, sessions)
        } catch {
            for session in sessions { module.close(session) }
            throw error
        }
    }

    /// Lends a session; a device that has forgotten it is logged into again once.
    private func withSession<Value>(
        _ body: (UInt) throws(VaultError) -> Value
    ) throws(VaultError) -> Value {
        let login = state.withLock { $0.login }
        do throws(VaultError) { return try withOneSession(body) } catch {
            guard error.isPassing else { throw error }
        }
        state.withLock { state in
            guard state.login == login, state.isLoggedIn else { return }
            for session in state.free { module.close(session) }
            (state.free, state.isLoggedIn) = ([], false)
        }
        try logIn()
        _ = try keys()
        return try withOneSession(body)
    }

    private func withOneSession<Value>(_ body: (UInt) throws(VaultError) -> Value) throws(VaultError) -> Value {
        let (lent, slot, login) = state.withLock { ($0.free.popLast(), $0.slot, $0.login) }
        // More threads than sessions: one more session, which stays.
        let session = if let lent { lent } else { try module.session(slot) }
        func giveBack(_ isGood: Bool) {
            let stays = state.withLock { state in
                guard isGood, state.login == login, state.isLoggedIn else { return false }
                state.free.append(session)
                return true
            }
            if !stays { module.close(session) }
        }
        do throws(VaultError) {
            let value = try body(session)
            giveBack(true)
            return value
        } catch {
            giveBack(!error.isPassing)
            throw error
        }
    }

    // MARK: Keys

    package func keys() throws(VaultError) -> [VaultKey] {
        let (found, keys) = try withOneSession { session throws(VaultError) in
            var (found, keys): ([VaultKey], [SignerKeyName: Key]) = ([], [:])
            for handle in try module.privateKeys(session) {
                let (key, held): (VaultKey, Key)
                do throws(VaultError) {
                    guard let known = try read(handle, session) else { continue }
                    (key, held) = known
                } catch {
                    // A key of others may not be readable; a session that is gone is another matter.
                    if error.isPassing { throw error }
                    continue
                }
                found.append(key)
                keys[key.name] = held
            }
            return (found, keys)
        }
        state.withLock { $0.keys = keys }
        return found
    }

    /// A key of ours; `nil` for one of others.
    private func read(_ handle: UInt, _ session: UInt) throws(VaultError) -> (VaultKey, Key)? {
        let label = String(decoding: try module.attribute(.label, of: handle, session), as: UTF8.self)
        guard label.hasPrefix(Self.prefix) || label == reserve else { return nil }
        let id = try module.attribute(.id, of: handle, session)
        guard let publicHandle = try module.publicKey(of: id, session) else { return nil }
        guard let (publicKey, algorithm) = try publicHalf(publicHandle, session) else { return nil }
        guard label != reserve else {
            let key = VaultKey(publicKey, createdAt: Timestamp(milliseconds: 0))
            return (key, Key(handle: handle, publicHandle: publicHandle, algorithm: algorithm))
        }
        let parts = label.dropFirst(Self.prefix.count).split(separator: ":", omittingEmptySubsequences: false)
        let key = VaultKey(
            publicKey, id: parts.first.flatMap { KeyID(String($0)) },
            createdAt: Timestamp(milliseconds: parts.last.flatMap { Int64($0) } ?? 0))
        return (key, Key(handle: handle, publicHandle: publicHandle, algorithm: algorithm))
    }

    private static let prefix = "tessera:"
    private var reserve: String { "tessera-reserve:\(settings.owner)" }

    private func publicHalf(
        _ handle: UInt, _ session: UInt
    ) throws(VaultError) -> (PublicVerificationKey, SigningAlgorithm)? {
        switch try module.keyType(of: handle, session) {
        case PKCS11Module.rsa:
            let modulus = try module.attribute(.modulus, of: handle, session)
            let exponent = try module.attribute(.publicExponent, of: handle, session)
            return (try? _RSA.Signing.PublicKey(n: modulus, e: exponent)).map { (.rsa($0), .rs256) }
        case PKCS11Module.ellipticCurve:
            // A DER OCTET STRING around 04, X and Y.
            let point = try module.attribute(.point, of: handle, session)
            return (try? P256.Signing.PublicKey(x963Representation: point.suffix(65))).map { (.p256($0), .es256) }
        default: return nil
        }
    }

    package func generate(_ algorithm: SigningAlgorithm, at now: Timestamp) throws(VaultError) -> VaultKey {
        var random = ClockAndRandomness.system.random
        let id = RandomText.bytes(16, using: &random)
        let (key, held) = try withSession { session throws(VaultError) -> (VaultKey, Key) in
            let pair = try module.generate(algorithm, id: id, label: reserve, session)
            guard let (publicKey, _) = try publicHalf(pair.publicKey, session) else {
                throw VaultError("the device has made a key that cannot be read")
            }
            return (
                VaultKey(publicKey, createdAt: now),
                Key(handle: pair.privateKey, publicHandle: pair.publicKey, algorithm: algorithm)
            )
        }
        state.withLock { $0.keys[key.name] = held }
        return key
    }

    private func held(_ key: VaultKey) throws(VaultError) -> Key {
        guard let held = state.withLock({ $0.keys[key.name] }) else { throw VaultError("the device has no such key") }
        return held
    }

    package func keep(_ key: VaultKey) throws(VaultError) {
        guard let id = key.id else { return }
        let label = "\(Self.prefix)\(id.rawValue):\(key.createdAt.milliseconds)"
        try withSession { session throws(VaultError) in
            let held = try held(key)
            try module.name(held.publicHandle, label, session)
            try module.name(held.handle, label, session)
        }
    }

    package func delete(_ key: VaultKey) throws(VaultError) {
        try withSession { session throws(VaultError) in
            // Gone already: a first attempt ended between the two, or another signer of the device was faster.
            guard let held = state.withLock({ $0.keys[key.name] }) else { return }
            try module.destroy(held.handle, session)
            try module.destroy(held.publicHandle, session)
        }
        state.withLock { $0.keys[key.name] = nil }
    }

    package func sign(_ inputs: [[UInt8]], with key: VaultKey) throws(VaultError) -> [[UInt8]] {
        try withSession { session throws(VaultError) in
            let held = try held(key)
            var signatures: [[UInt8]] = []
            for input in inputs {
                let signature = try module.sign(input, with: held.handle, held.algorithm, session)
                // A faulty RSA signature that is published gives the key away (Boneh, DeMillo and Lipton 1997).
                guard signature.count == key.publicKey.signatureLength, Self.isGood(signature, over: input, key) else {
                    throw VaultError("the device has made a bad signature")
                }
                signatures.append(signature)
            }
            return signatures
        }
    }

    private static func isGood(_ signature: [UInt8], over input: [UInt8], _ key: VaultKey) -> Bool {
        guard case .rsa(let half) = key.publicKey else { return true }
        return half.isValidSignature(
            _RSA.Signing.RSASignature(rawRepresentation: signature), for: input, padding: .insecurePKCS1v1_5)
    }
}
