import CTesseraPKCS11
import Crypto
import Foundations
import SessionEngine
import Synchronization

/// The functions of a PKCS #11 module (OASIS PKCS #11 2.40), with its codes as errors.
///
/// `@unchecked` because of the pointer to the table of functions, which never changes; what is behind it is guarded by the
/// module itself (CKF_OS_LOCKING_OK).
final class PKCS11Module: @unchecked Sendable {
    /// The attributes that are read and written.
    enum Attribute: UInt {
        case objectClass = 0x0
        case token = 0x1
        case isPrivate = 0x2
        case label = 0x3
        case keyType = 0x100
        case id = 0x102
        case sensitive = 0x103
        case decrypt = 0x105
        case unwrap = 0x107
        case sign = 0x108
        case verify = 0x10A
        case derive = 0x10C
        case modulus = 0x120
        case modulusBits = 0x121
        case publicExponent = 0x122
        case extractable = 0x162
        case parameters = 0x180
        case point = 0x181
    }

    static let rsa: UInt = 0x0
    static let ellipticCurve: UInt = 0x3
    static let alreadyLoggedIn: UInt = 0x100
    /// CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY and CKF_USER_PIN_LOCKED: the PIN was wrong the last time.
    static let pinWasWrong: UInt = 0x1_0000 | 0x2_0000 | 0x4_0000
    /// What C_Login answers for a PIN that will not do: CKR_PIN_INCORRECT, CKR_PIN_INVALID, CKR_PIN_LEN_RANGE,
    /// CKR_PIN_EXPIRED, CKR_PIN_LOCKED and CKR_USER_PIN_NOT_INITIALIZED.
    static let pinIsWrong: Set<UInt> = [0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0x102]
    private static let alreadyInitialized: UInt = 0x191
    private static let publicClass: UInt = 0x2
    private static let privateClass: UInt = 0x3
    /// A session, a device or a login that is gone: CKR_GENERAL_ERROR, CKR_FUNCTION_FAILED, CKR_DEVICE_ERROR,
    /// CKR_DEVICE_MEMORY, CKR_DEVICE_REMOVED, CKR_SESSION_CLOSED, CKR_SESSION_HANDLE_INVALID, CKR_TOKEN_NOT_PRESENT,
    /// CKR_TOKEN_NOT_RECOGNIZED, CKR_USER_NOT_LOGGED_IN, CKR_CRYPTOKI_NOT_INITIALIZED, and a handle that belonged to it.
    private static let passing: Set<UInt> = [
        0x05, 0x06, 0x30, 0x31, 0x32, 0xB0, 0xB3, 0xE0, 0xE1, 0x101, 0x190, 0x60, 0x82,
    ]
    /// CKM_SHA256_RSA_PKCS takes the input itself.
    private static let rsaMechanism: UInt = 0x40
    /// CKM_ECDSA takes the digest: not every device hashes.
    private static let ecdsaMechanism: UInt = 0x1041
    /// secp256r1 as an object identifier in DER.
    private static let curve: [UInt8] = [0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07]

    private let functions: UnsafePointer<tessera_ck_functions>
    private let health = Mutex(DeviceHealth())

    /// Opens a module.
    init(_ path: String) throws(VaultError) {
        guard let functions = tessera_ck_open(path) else {
            throw VaultError("\(path) cannot be opened as a PKCS #11 module")
        }
        self.functions = functions
        let code = tessera_ck_start(functions)
        guard code == 0 || code == Self.alreadyInitialized else { throw Self.error("C_Initialize", code) }
    }

    static func error(_ function: String, _ code: UInt) -> VaultError {
        VaultError(
            "\(function) answers 0x\(String(code, radix: 16))", isPassing: passing.contains(code), isOfDevice: true)
    }

    /// Calls the module; a call that does not return shows in ``fault(at:)``.
    private func check(_ function: String, _ call: () -> UInt) throws(VaultError) {
        let code = timed(call)
        guard code == 0 else { throw Self.error(function, code) }
    }

    private func timed(_ call: () -> UInt) -> UInt {
        let number = health.withLock { $0.begin(at: .present) }
        defer { health.withLock { $0.end(number) } }
        return call()
    }

    /// Notes how a whole operation went.
    func note(_ result: DeviceHealth.Result) { health.withLock { $0.note(result, at: .present) } }

    /// Why only a new process can use the device again; `nil` while this one can.
    func fault(at now: MonotonicTime) -> String? { health.withLock { $0.fault(at: now) } }

    /// The slot that has the token of a label, and the token's flags.
    func slot(of label: String) throws(VaultError) -> (slot: UInt, flags: UInt) {
        var (slots, count) = ([UInt](repeating: 0, count: 1_024), UInt(1_024))
        try check("C_GetSlotList") { tessera_ck_slots(functions, &slots, &count) }
        for slot in slots.prefix(Int(clamping: count)) {
            var info = tessera_ck_token_info()
            guard timed({ tessera_ck_token(functions, slot, &info) }) == 0 else { continue }
            let found = withUnsafeBytes(of: info.label) { String(decoding: $0, as: UTF8.self) }
            if found.trimmingSpaces == label { return (slot, info.flags) }
        }
        throw VaultError("no slot has a token with the label '\(label)'", isPassing: true, isOfDevice: true)
    }

    func session(_ slot: UInt) throws(VaultError) -> UInt {
        var session: UInt = 0
        try check("C_OpenSession") { tessera_ck_session(functions, slot, &session) }
        return session
    }

    func close(_ session: UInt) { _ = timed { tessera_ck_close(functions, session) } }

    func logIn(_ session: UInt, _ pin: String) -> UInt {
        var bytes = Array(pin.utf8)
        return timed { tessera_ck_login(functions, session, &bytes, UInt(bytes.count)) }
    }

    /// The private keys of the token, at most 10,000.
    func privateKeys(_ session: UInt) throws(VaultError) -> [UInt] {
        try find([(.objectClass, Self.bytes(Self.privateClass))], session)
    }

    func publicKey(of id: [UInt8], _ session: UInt) throws(VaultError) -> UInt? {
        try find([(.objectClass, Self.bytes(Self.publicClass)), (.id, id)], session).first
    }

    private func find(_ template: [(Attribute, [UInt8])], _ session: UInt) throws(VaultError) -> [UInt] {
        var (objects, count) = ([UInt](repeating: 0, count: 10_000), UInt(0))
        try check("C_FindObjects") {
            Self.with(template) { list, length in
                tessera_ck_find(functions, session, list, length, &objects, 10_000, &count)
            }
        }
        return Array(objects.prefix(Int(clamping: count)))
    }

    func attribute(_ attribute: Attribute, of object: UInt, _ session: UInt) throws(VaultError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 1_024)
        var length: UInt = 0
        try check("C_GetAttributeValue") {
            bytes.withUnsafeMutableBytes { buffer in
                var wanted = tessera_ck_attribute(
                    type: attribute.rawValue, value: buffer.baseAddress, length: UInt(buffer.count))
                defer { length = wanted.length }
                return tessera_ck_attributes(functions, session, object, &wanted, 1)
            }
        }
        guard length <= UInt(bytes.count) else { throw VaultError("an attribute of a key cannot be read") }
        return Array(bytes.prefix(Int(length)))
    }

    func keyType(of object: UInt, _ session: UInt) throws(VaultError) -> UInt {
        let bytes = try attribute(.keyType, of: object, session)
        guard bytes.count == MemoryLayout<UInt>.size else { throw VaultError("the type of a key cannot be read") }
        return bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt.self) }
    }

    func name(_ object: UInt, _ label: String, _ session: UInt) throws(VaultError) {
        try check("C_SetAttributeValue") {
            Self.with([(.label, Array(label.utf8))]) { list, count in
                tessera_ck_set_attributes(functions, session, object, list, count)
            }
        }
    }

    func destroy(_ object: UInt, _ session: UInt) throws(VaultError) {
        try check("C_DestroyObject") { tessera_ck_destroy(functions, session, object) }
    }

    func generate(
        _ algorithm: SigningAlgorithm, id: [UInt8], label: String, _ session: UInt
    ) throws(VaultError) -> (publicKey: UInt, privateKey: UInt) {
        let (yes, no): ([UInt8], [UInt8]) = ([1], [0])
        let name = Array(label.utf8)
        let shape: [(Attribute, [UInt8])] =
            switch algorithm {
            case .rs256: [(.modulusBits, Self.bytes(2_048)), (.publicExponent, [1, 0, 1])]
            case .es256: [(.parameters, Self.curve)]
            }
        let publicTemplate = [(Attribute.token, yes), (.verify, yes), (.id, id), (.label, name)] + shape
        // It signs and does nothing else.
        let others: [(Attribute, [UInt8])] =
            algorithm == .rs256 ? [(.decrypt, no), (.unwrap, no)] : [(.derive, no)]
        let privateTemplate =
            [
                (Attribute.token, yes), (.isPrivate, yes), (.sensitive, yes), (.extractable, no), (.sign, yes),
                (.id, id), (.label, name),
            ] + others
        var (publicKey, privateKey): (UInt, UInt) = (0, 0)
        // CKM_RSA_PKCS_KEY_PAIR_GEN and CKM_EC_KEY_PAIR_GEN.
        let mechanism: UInt = algorithm == .rs256 ? 0x0 : 0x1040
        let code = Self.with(publicTemplate) { publicList, publicCount in
            Self.with(privateTemplate) { privateList, privateCount in
                tessera_ck_generate(
                    functions, session, mechanism, publicList, publicCount, privateList, privateCount, &publicKey,
                    &privateKey)
            }
        }
        // It may take minutes, and is not timed.
        guard code == 0 else { throw Self.error("C_GenerateKeyPair", code) }
        return (publicKey, privateKey)
    }

    func sign(
        _ input: [UInt8], with key: UInt, _ algorithm: SigningAlgorithm, _ session: UInt
    ) throws(VaultError) -> [UInt8] {
        var bytes = algorithm == .rs256 ? input : Array(SHA256.hash(data: input))
        var (signature, length) = ([UInt8](repeating: 0, count: 1_024), UInt(1_024))
        let mechanism = algorithm == .rs256 ? Self.rsaMechanism : Self.ecdsaMechanism
        try check("C_Sign") {
            tessera_ck_sign(functions, session, mechanism, key, &bytes, UInt(bytes.count), &signature, &length)
        }
        return Array(signature.prefix(Int(clamping: length)))
    }

    /// A number as an attribute holds it.
    private static func bytes(_ number: UInt) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }

    /// Lays out attributes in memory for the time of a call.
    private static func with<Result>(
        _ template: [(Attribute, [UInt8])], _ use: (UnsafeMutablePointer<tessera_ck_attribute>, UInt) -> Result
    ) -> Result {
        var bytes = template.flatMap(\.1)
        return bytes.withUnsafeMutableBytes { buffer in
            var (list, place): ([tessera_ck_attribute], Int) = ([], 0)
            for (attribute, value) in template {
                list.append(
                    tessera_ck_attribute(
                        type: attribute.rawValue, value: buffer.baseAddress.map { $0 + place },
                        length: UInt(value.count)))
                place += value.count
            }
            let count = UInt(list.count)
            return use(&list, count)
        }
    }
}

extension String {
    /// Without the spaces that pad a label.
    fileprivate var trimmingSpaces: String {
        String(decoding: Array(utf8).reversed().drop { $0 == 0x20 || $0 == 0 }.reversed(), as: UTF8.self)
    }
}
