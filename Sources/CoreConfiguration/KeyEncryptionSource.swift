public import Foundations

/// Where the key that encrypts private keys comes from.
public enum KeyEncryptionSource: Sendable, Redacted {
    /// The key itself, from the environment.
    case text(String)
    /// A file that holds it.
    case file(String)
    /// A command that prints it, run by the shell.
    case command(String)

    /// The kind alone.
    public var description: String {
        switch self {
        case .text: "the environment"
        case .file(let path): "the file \(path)"
        case .command: "a command"
        }
    }
}

extension ConfigurationReading {
    /// Where the key-encryption key is; at most one place.
    mutating func keyEncryption() -> KeyEncryptionSource? {
        let found = [
            draft.keyEncryptionKey.map(KeyEncryptionSource.text),
            draft.keyEncryptionKeyFile.map(KeyEncryptionSource.file),
            draft.keyEncryptionKeyCommand.map(KeyEncryptionSource.command),
        ].compactMap(\.self)
        if found.count > 1 {
            note(
                "Set only one of 'key_encryption_key', 'key_encryption_key_file' and 'key_encryption_key_command'.",
                ["key_encryption_key", "key_encryption_key_file", "key_encryption_key_command"], showsValue: false)
        }
        return found.first
    }
}
