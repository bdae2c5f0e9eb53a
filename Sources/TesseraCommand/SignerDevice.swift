import ArgumentParser
import Crypto
import Foundations
import PlatformLibC
import SignerAgent

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The options of a signer whose keys are in a device.
struct SignerDevice: ParsableArguments {
    @Option(name: .customLong("pkcs11"), help: "The PKCS #11 module of a device that has the keys, instead of a file.")
    var module: String?

    @Option(help: "The label of the token in that device.")
    var token: String?

    @Option(help: "A file that holds the user's PIN.")
    var pinFile: String?

    @Option(help: "A command that prints the PIN, run by /bin/sh.")
    var pinCommand: String?

    @Option(help: "How many sessions are opened at most; each makes one signature at a time. 4 by default.")
    var sessions: Int?

    @Option(help: "Whose keys in reserve are taken, where neither the host's name nor /etc/machine-id stays the same.")
    var owner: String?

    @Flag(help: "Show the PIN once more though the device says that it was wrong the last time.")
    var retryPin = false

    func validate() throws {
        guard module != nil else {
            guard token == nil, pinFile == nil, pinCommand == nil, sessions == nil, owner == nil else {
                throw ValidationError("--token, --pin-file, --pin-command, --sessions and --owner go with --pkcs11")
            }
            return
        }
        guard token != nil, (pinFile == nil) != (pinCommand == nil) else {
            throw ValidationError("--pkcs11 needs --token, and either --pin-file or --pin-command")
        }
        guard (1...256).contains(sessions ?? 1) else { throw ValidationError("--sessions is 1 to 256.") }
    }

    /// The keys in the device; `nil` where none is asked for.
    ///
    /// - Parameter socket: the path of the signer's socket, which with the machine says whose keys in reserve are taken.
    func open(for socket: String) throws(VaultError) -> (any KeyVault)? {
        guard let module, let token else { return nil }
        let machine = owner ?? ProcessInfo.processInfo.hostName + Self.text(of: "/etc/machine-id")
        let owner = Hex.encode(SHA256.hash(data: Array("\(machine) \(socket)".utf8)).prefix(8))
        var settings = PKCS11Vault.Settings(module: module, token: token, pin: try pin(), owner: owner)
        settings.insists = retryPin
        settings.sessions = sessions ?? settings.sessions
        return try PKCS11Vault(settings)
    }

    private static func text(of path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private func pin() throws(VaultError) -> String {
        let text: String
        if let pinFile {
            let path = Paths.absolute(pinFile)
            var status = stat()
            guard stat(path, &status) == 0, let data = FileManager.default.contents(atPath: path) else {
                throw VaultError("the PIN cannot be read from \(pinFile)")
            }
            guard status.st_mode & 0o077 == 0 else {
                throw VaultError("\(pinFile) has to be a file that only this user may read (chmod 600)")
            }
            text = String(decoding: data, as: UTF8.self)
        } else {
            do throws(ShellCommand.Failure) { text = try ShellCommand.output(of: pinCommand ?? "false") } catch {
                throw VaultError("the command for the PIN failed")
            }
        }
        guard let line = text.split(whereSeparator: \.isNewline).first else { throw VaultError("the PIN is empty") }
        return String(line)
    }
}
