import CTesseraPKCS11
import Crypto
import CryptoExtras
import Dispatch
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
        /// How many sessions there are at most, each of which signs one input at a time; many devices have room for few.
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
        /// Counts the keys that were made and deleted.
        var changes = 0
        var isLoggedIn = false
        /// Counts the logins: who fails in one does not end the next.
        var login = 0
    }

    private let module: PKCS11Module
    private let settings: Settings
    private let state = Mutex(State())
    /// Why the PIN will not be shown again, because a device locks itself.
    ///
    /// Apart from the state, which a login that never returns keeps locked.
    private let refusal = Mutex<VaultError?>(nil)
    /// Who waits for a session.
    private let room: DispatchSemaphore

    /// Opens the device.
    ///
    /// - Throws: ``VaultError``.
    package init(_ settings: Settings) throws(VaultError) {
        self.settings = settings
        room = DispatchSemaphore(value: max(1, settings.sessions))
        module = try PKCS11Module(settings.module)
        try logIn()
    }

    package var place: String { "the token '\(settings.token)' of \(settings.module)" }

    package func fault(at now: MonotonicTime) -> VaultError? {
        refusal.withLock { $0 } ?? module.fault(at: now).map { VaultError($0) }
    }

    // MARK: Sessions

    private func logIn() throws(VaultError) {
        let result = state.withLock { state -> Result<Void, VaultError> in
            guard !state.isLoggedIn else { return .success(()) }
            do throws(VaultError) {
                let (slot, session) = try loggedIn()
                (state.slot, state.free, state.isLoggedIn) = (slot, [session], true)
                state.login += 1
                return .success(())
            } catch {
                return .failure(error)
            }
        }
        try result.get()
    }

    /// Opens a session and shows the PIN in it; a wrong one is not shown twice, because a device locks itself.
    private func loggedIn() throws(VaultError) -> (slot: UInt, session: UInt) {
        if let refusal = refusal.withLock({ $0 }) { throw refusal }
        let (slot, flags) = try module.slot(of: settings.token)
        guard settings.insists || flags & PKCS11Module.pinWasWrong == 0 else {
            throw refused(
                "the PIN of the token '\(settings.token)' was wrong the last time, and is not shown again: mend it and start "
                    + "once with --retry-pin")
        }
        let session = try module.session(slot)
        let code = module.logIn(session, settings.pin)
        guard code != 0, code != PKCS11Module.alreadyLoggedIn else { return (slot, session) }
        module.close(session)
        let error = PKCS11Module.error("C_Login", code)
        guard PKCS11Module.pinIsWrong.contains(code) || hasCountedPIN(since: flags) else { throw error }
        throw refused("the PIN of the token '\(settings.token)' is wrong (\(error.description))")
    }

    /// Whether the device says only now that a wrong PIN was shown.
    private func hasCountedPIN(since before: UInt) -> Bool {
        guard let (_, flags) = try? module.slot(of: settings.token) else { return false }
        return flags & PKCS11Module.pinWasWrong & ~before != 0
    }

    private func refused(_ words: String) -> VaultError {
        let error = VaultError(words, isFinal: true)
        refusal.withLock { $0 = error }
        return error
    }

    /// Lends a session for an operation, and notes how that went.
    private func withSession<Value>(_ body: (UInt) throws(VaultError) -> Value) throws(VaultError) -> Value {
        do throws(VaultError) {
            let value = try withNewSession(body)
            module.note(.good)
            return value
        } catch {
            module.note(error.isOfDevice ? .failed : .neither)
            throw error
        }
    }

    /// Lends a session; a device that has forgotten it is logged into again once.
    private func withNewSession<Value>(
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
        _ = try withOneSession { session throws(VaultError) in try list(session) }
        return try withOneSession(body)
    }

    private func withOneSession<Value>(_ body: (UInt) throws(VaultError) -> Value) throws(VaultError) -> Value {
        guard room.wait(timeout: .now() + .milliseconds(500)) == .success else {
            throw VaultError("all sessions of the device are in use")
        }
        defer { room.signal() }
        let (lent, slot, login) = state.withLock { ($0.free.popLast(), $0.slot, $0.login) }
        let session = if let lent { lent } else { try module.session(slot) }
        do throws(VaultError) {
            let value = try body(session)
            let stays = state.withLock { state in
                guard state.login == login, state.isLoggedIn else { return false }
                state.free.append(session)
                return true
            }
            if !stays { module.close(session) }
            return value
        } catch {
            // An operation may still be under way in it.
            module.close(session)
            throw error
        }
    }

    // MARK: Keys

    package func keys() throws(VaultError) -> [VaultKey] {
        try withSession { session throws(VaultError) in try list(session) }
    }

    /// Reads the keys; what is made or deleted meanwhile counts.
    private func list(_ session: UInt) throws(VaultError) -> [VaultKey] {
        for _ in 0..<3 {
            let changes = state.withLock { $0.changes }
            var (found, keys): ([VaultKey], [SignerKeyName: Key]) = ([], [:])
            for handle in try module.privateKeys(session) {
                let known: (VaultKey, Key)?
                do throws(VaultError) { known = try read(handle, session) } catch {
                    // A key of others may not be readable; a session that is gone is another matter.
                    if error.isPassing { throw error }
                    continue
                }
                guard let (key, held) = known else { continue }
                found.append(key)
                keys[key.name] = held
            }
            let isWhole = state.withLock { [keys] state in
                guard state.changes == changes else { return false }
                state.keys = keys
                return true
            }
            if isWhole { return found }
        }
        throw VaultError("the keys of the device change all the time")
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
        state.withLock { state in
            state.keys[key.name] = held
            state.changes += 1
        }
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
        state.withLock { state in
            state.keys[key.name] = nil
            state.changes += 1
        }
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
