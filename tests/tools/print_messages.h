/* SPDX-License-Identifier: MIT */
#ifndef TESTS_TOOLS_PRINT_MESSAGES_H
#define TESTS_TOOLS_PRINT_MESSAGES_H

/* Print the table of messages as mdoc(7) on standard output. */
void print_messages(void);

/* Print the words that its JSON is made of, as libFuzzer's dictionaries have them. */
void print_dictionary(void);

#endif
