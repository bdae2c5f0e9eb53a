import ArgumentParser
import Yams
import Logging
import CryptoExtras
@main struct T: ParsableCommand {}
